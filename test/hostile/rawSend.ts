// A sender's half of rsync's protocol 30, byte for byte, so that a server may say what no rsync would.
import { createHash } from "node:crypto"

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

/** rsync's write_varint for what fits 28 bits. */
const varint = (value: number): Buffer => {
  if (value < 0x80) return Buffer.from([value])
  if (value < 0x4000) return Buffer.from([0x80 | (value >> 8), value & 0xff])
  if (value < 0x200000) return Buffer.from([0xc0 | (value >> 16), value & 0xff, (value >> 8) & 0xff])
  return Buffer.from([0xe0 | (value >> 24), value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff])
}

/** rsync's write_varlong for what fits `least` bytes with the highest bit clear. */
const varlong = (value: number, least: 3 | 4): Buffer => {
  const bytes = Buffer.alloc(least)
  for (let at = 1; at < least; at++) bytes[at] = Math.floor(value / 256 ** (at - 1)) & 0xff
  bytes[0] = Math.floor(value / 256 ** (least - 1)) & 0xff
  return bytes
}

/** What one entry is: its bytes, and the content that is sent for it unasked. */
export interface SentEntry {
  readonly bytes: Buffer
  readonly content: string | null
}

const longName = 0x40
const noAcl = Buffer.from([0, 0])
const noXattrs = Buffer.from([0, 0])

/** The client asks for -lHogtpAXr: owner, group, ACLs (none for links) and xattrs stand in each entry. */
const entry = (name: string, mode: number, content: string | null, target?: string): SentEntry => {
  const text = Buffer.from(name, "latin1")
  const link = target === undefined ? [] : [varint(target.length), Buffer.from(target)]
  const isDirectory = (mode & 0o170000) === 0o040000
  const acls = target !== undefined ? [] : isDirectory ? [noAcl, noAcl] : [noAcl]
  return {
    bytes: Buffer.concat([
      Buffer.from([longName]),
      varint(text.length),
      text,
      varlong(content?.length ?? 0, 3),
      varlong(1_700_000_000, 4),
      int(mode),
      varint(0),
      varint(0),
      ...link,
      ...acls,
      noXattrs
    ]),
    content
  }
}

export const sent = {
  directory: (name: string): SentEntry => entry(name, 0o040755, null),
  file: (name: string, mode = 0o100644): SentEntry => entry(name, mode, "written by a raw server\n"),
  link: (name: string, target: string): SentEntry => entry(name, 0o120777, null, target),
  device: (name: string): SentEntry => entry(name, 0o060666, null)
}

/** In frames of the multiplexed stream, as everything is after the greeting. */
const framed = (bytes: Buffer): Buffer => {
  const frames: Array<Buffer> = []
  for (let at = 0; at < bytes.length; at += 4000) {
    const piece = bytes.subarray(at, at + 4000)
    frames.push(int((7 << 24) + piece.length), piece)
  }
  return Buffer.concat(frames)
}

/** Version 30, no compatibility flags, a checksum seed. */
export const greeting = Buffer.concat([int(30), Buffer.from([0]), int(1)])

/** The list, ended, with what is in it in the order in which the receiver sorts it. */
export const sentList = (entries: ReadonlyArray<SentEntry>): Buffer =>
  framed(Buffer.concat([...entries.map(({ bytes }) => bytes), Buffer.from([0])]))

/** Each file's content by its place in the sorted list, three ends of phases, and figures. */
export const sentFiles = (entries: ReadonlyArray<SentEntry>): Buffer => {
  let before = -1
  const files = entries.flatMap(({ content }, index) => {
    if (content === null) return []
    const data = Buffer.from(content)
    const place = Buffer.from([index - before])
    before = index
    const transfer = Buffer.from([0x00, 0x80])
    const sums = [int(0), int(700), int(2), int(0)]
    const sum = createHash("md5").update(data).digest()
    return [place, transfer, ...sums, int(data.length), data, int(0), sum]
  })
  return framed(Buffer.concat([...files, Buffer.from([0, 0, 0]), Buffer.alloc(15)]))
}
