/** Reads the headers of frames in a `-wal`: which pages they hold, and how small the database was in between. */
import { frameHeaderBytes, frameOffset, type IndexHeader } from './wal-index';

export interface FramePages {
  readonly pages: ReadonlySet<number>;
  /** Pages of the database: the fewest since the first of these frames. */
  readonly fewestPages: number;
}

const header = Buffer.alloc(frameHeaderBytes);

/** Null if a frame cannot be read, or belongs to another round of the WAL. `read` fills a buffer from an offset. */
export function readFrames(
  read: (into: Buffer, offset: number) => number | null,
  index: IndexHeader,
  { from, to }: { readonly from: number; readonly to: number },
): FramePages | null {
  let fewestPages = index.pages;
  const pages = new Set<number>();
  for (let frame = from; frame <= to; frame++) {
    if (read(header, frameOffset(frame, index.pageSize)) !== frameHeaderBytes) return null;
    if (header.toString('latin1', 8, 16) !== index.salts) return null;
    pages.add(header.readUInt32BE(0));
    fewestPages = Math.min(fewestPages, header.readUInt32BE(4) || fewestPages);
  }
  return { pages, fewestPages };
}
