/** The part of the NBD protocol that a Linux client needs to use a disk, over one stream. */
import type { Duplex } from 'node:stream';
import type { VolatileDisk } from './volatile-disk.mts';

// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
const serverMagic = 0x4e42444d41474943n;
const optionMagic = 0x49484156454f5054n;
const optionReplyMagic = 0x3e889045565a9n;
const requestMagic = 0x25609513;
const replyMagic = 0x67446698;

/** Fixed newstyle, no zeroes. */
const handshakeFlags = 3;
/** Has flags, flush, FUA, trim, write zeroes. */
const transmissionFlags = 1 | 4 | 8 | 32 | 64;

const option = { exportName: 1, abort: 2, list: 3, info: 6, go: 7 } as const;
const optionReply = { ack: 1, server: 2, info: 3, unsupported: 2 ** 31 + 1 } as const;
const command = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, writeZeroes: 6 } as const;
/** Command flag: write through the cache. */
const fua = 1;
const EIO = 5;
const EINVAL = 22;

export interface ServedDisk {
  readonly disk: VolatileDisk;
  /** The power is gone: every request fails. */
  readonly dead: boolean;
}

/** Serves the disk that `served` names at the moment of each request. */
export async function serveNbd(stream: Duplex, served: () => ServedDisk): Promise<void> {
  const input = reader(stream);
  stream.write(Buffer.concat([u64(serverMagic), u64(optionMagic), u16(handshakeFlags)]));
  await input.take(4);
  if (!(await negotiate(stream, input, served().disk.bytes))) return;
  for (;;) {
    const header = await input.take(28);
    if (header.readUInt32BE(0) !== requestMagic) throw new Error('This is no NBD request.');
    const flags = header.readUInt16BE(4);
    const type = header.readUInt16BE(6);
    const handle = Buffer.from(header.subarray(8, 16));
    const offset = Number(header.readBigUInt64BE(16));
    const length = header.readUInt32BE(24);
    const data = type === command.write ? Buffer.from(await input.take(length)) : Buffer.alloc(0);
    if (type === command.disconnect) {
      stream.end();
      return;
    }
    const { disk, dead } = served();
    let error = dead ? EIO : 0;
    let answer: Buffer = Buffer.alloc(0);
    if (!dead) {
      if (type === command.read) answer = Buffer.from(disk.read(offset, length));
      else if (type === command.write) disk.write(offset, data, (flags & fua) !== 0);
      else if (type === command.writeZeroes) disk.write(offset, Buffer.alloc(length), (flags & fua) !== 0);
      else if (type === command.flush) disk.flush();
      // Trim is a hint that this disk ignores.
      else if (type !== command.trim) error = EINVAL;
    }
    stream.write(Buffer.concat([u32(replyMagic), u32(error), handle, answer]));
  }
}

/** False when the client went away without using the disk. */
async function negotiate(stream: Duplex, input: Reader, bytes: number): Promise<boolean> {
  const reply = (wanted: number, type: number, data: Buffer = Buffer.alloc(0)): void => {
    stream.write(Buffer.concat([u64(optionReplyMagic), u32(wanted), u32(type), u32(data.length), data]));
  };
  for (;;) {
    const header = await input.take(16);
    const wanted = header.readUInt32BE(8);
    await input.take(header.readUInt32BE(12));
    switch (wanted) {
      case option.exportName:
        stream.write(Buffer.concat([u64(BigInt(bytes)), u16(transmissionFlags)]));
        return true;
      case option.info:
      case option.go:
        reply(wanted, optionReply.info, Buffer.concat([u16(0), u64(BigInt(bytes)), u16(transmissionFlags)]));
        reply(wanted, optionReply.ack);
        if (wanted === option.go) return true;
        break;
      case option.abort:
        reply(wanted, optionReply.ack);
        stream.end();
        return false;
      case option.list:
        reply(wanted, optionReply.server, u32(0));
        reply(wanted, optionReply.ack);
        break;
      default:
        reply(wanted, optionReply.unsupported);
    }
  }
}

interface Reader {
  /** The next so many bytes; rejects when the stream ends before. */
  take(bytes: number): Promise<Buffer>;
}

function reader(stream: Duplex): Reader {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held: Buffer = Buffer.alloc(0);
  return {
    async take(bytes) {
      const parts = [held];
      let length = held.length;
      while (length < bytes) {
        const { value, done } = await chunks.next();
        if (done === true) throw new Error('The NBD client went away.');
        parts.push(value);
        length += value.length;
      }
      const all = parts.length === 1 ? held : Buffer.concat(parts);
      held = all.subarray(bytes);
      return all.subarray(0, bytes);
    },
  };
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
