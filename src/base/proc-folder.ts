/**
 * Where the kernel shows processes and descriptors. On Windows the name `/proc` means `C:\\proc`, a folder that any user can
 * make: there it is a name that no file can have, and each reader answers as on a system without `/proc`.
 */
export const procFolder = process.platform === 'win32' ? '<none>' : '/proc';
