/**
 * Names the folder in which the kernel shows processes and descriptors. On Windows `/proc` means `C:\\proc`, a folder that any
 * user can make: there the name is one that no file can have, and each reader answers as on a system without `/proc`.
 */
export const procFolder = process.platform === 'win32' ? '<none>' : '/proc';
