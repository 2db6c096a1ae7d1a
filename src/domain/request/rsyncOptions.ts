// What of rsync's server options a client may ask for: the letters, the long options and their values. Nothing else exists.
import type { Cluster, LongOption, SecludedOf } from "./request.ts"
import { accept, type Parsed, refuse } from "./refusal.ts"

/** None of these takes a value, so none can swallow what follows it. */
export const letters = "vlHogDtpAXrRSxzWcIJOUuEnm"

/** For reading also directories without what is below them, which a plain listing asks for. */
const readingLetters = `${letters}d`

/** rsync builds its cluster in a buffer of this many bytes. */
const maxCluster = 64

/**
 * What follows `e`: `.` or the version of a protocol in the making, then letters. It is never empty: rsync would take the
 * next word as the value of a bare `-e`, and that word could be --fake-super.
 */
const client = /^(?:\.|[0-9]{1,3}\.[0-9]{1,3}\.?)[A-Za-z]{0,16}$/

const count = (text: string, letter: string): number => text.split(letter).length - 1

/** Reads a cluster; `s`, where it is among the letters, is taken out and told. */
export const parseCluster = (
  word: string,
  of: SecludedOf["_tag"]
): Parsed<Cluster & { readonly secluded: boolean }> => {
  if (word.length > maxCluster) return refuse(`a cluster of options is longer than ${maxCluster} characters`, word)
  const e = word.indexOf("e")
  const all = word.slice(1, e < 0 ? undefined : e)
  const secluded = all.includes("s")
  const own = all.replace("s", "")
  for (const letter of own)
    if (!(of === "Push" ? letters : readingLetters).includes(letter))
      return refuse("the option is not allowed", `-${letter}`)
  if (e >= 0 && !client.test(word.slice(e + 1)))
    return refuse("the option -e may only tell what the client can do", word.slice(e))
  if (count(own, "v") > 3) return refuse("the option may be given three times at most", "-v")
  if (count(own, "X") > 1) return refuse("the option may be given once", "-X")
  if (own === "" && e < 0 && !secluded) return refuse("a hyphen alone is not an option", word)
  return accept({ letters: own, client: e < 0 ? "" : word.slice(e + 1), secluded })
}

/** The cluster as a word; empty where there is nothing in it. */
export const printCluster = (cluster: Cluster): string => {
  const e = cluster.client === "" ? "" : `e${cluster.client}`
  return cluster.letters + e === "" ? "" : `-${cluster.letters}${e}`
}

/** What an option's value must look like; null where the option takes none. */
export type LongOptions = ReadonlyMap<string, RegExp | null>

const integer = /^(?:0|[1-9][0-9]{0,8})$/

const both: ReadonlyArray<readonly [string, RegExp | null]> = [
  ["--numeric-ids", null],
  ["--inplace", null],
  ["--partial", null],
  ["--stats", null],
  ["--new-compress", null],
  ["--old-compress", null],
  ["--from0", null],
  ["--files-from", /^-$/],
  ["--timeout", /^[1-9][0-9]{0,8}$/],
  ["--bwlimit", integer],
  ["--compress-choice", /^(?:zstd|lz4|zlib|zlibx|none)$/],
  ["--compress-level", /^-?[0-9]{1,3}$/],
  ["--checksum-choice", /^(?:xxh128|xxh3|xxh64|md5|sha1|auto)$/],
  ["--log-format", /^(?:%i|X|%o)$/],
  // exact to the nanosecond; any other window would make rsync overlook changes
  ["--modify-window", /^-1$/],
  // what a client's --no-devices and --no-specials come to
  ["--specials", null],
  ["--no-specials", null]
]

export const pushOptions: LongOptions = new Map([
  ...both,
  ["--delete", null],
  ["--delete-before", null],
  ["--delete-during", null],
  ["--delete-delay", null],
  ["--delete-after", null],
  ["--delete-excluded", null],
  ["--delete-missing-args", null],
  ["--force", null],
  ["--ignore-errors", null],
  ["--fsync", null],
  ["--existing", null],
  ["--ignore-existing", null],
  ["--size-only", null],
  ["--no-implied-dirs", null],
  ["--no-W", null],
  ["--max-delete", integer]
])

export const pullOptions: LongOptions = new Map([...both, ["--ignore-missing-args", null], ["--list-only", null]])

/** Reads one long option, only in its full spelling and only as `--option=value`. */
export const parseLongOption = (written: string, options: LongOptions): Parsed<LongOption> => {
  // rsync's clients send this one long option in its short form
  const word = written === "-@-1" ? "--modify-window=-1" : written
  const equals = word.indexOf("=")
  const name = equals < 0 ? word : word.slice(0, equals)
  const value = options.get(name)
  if (value === undefined) return refuse("the option is not allowed", name)
  if (value === null) return equals < 0 ? accept({ name }) : refuse("the option takes no value", word)
  if (equals < 0) return refuse("the option needs a value after =", word)
  const given = word.slice(equals + 1)
  return value.test(given) ? accept({ name, value: given }) : refuse("the value of the option is not allowed", word)
}

export const printLongOption = (option: LongOption): string =>
  option.value === undefined ? option.name : `${option.name}=${option.value}`
