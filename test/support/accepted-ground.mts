/** Accepts the filesystem that the tests run on, which may be in memory, without a journal, or the layer of a container. */
export const acceptedGround = { allowNonDurableFilesystem: 'the files of a test may go with the machine' };
