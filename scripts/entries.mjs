export async function writeEntries() {}
