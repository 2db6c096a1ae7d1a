// `--size -10M`: a value that begins with a hyphen, which the parser of words would take for a flag.

/** Joins a number with a hyphen to the long flag before it: `--size=-10M`. No flag of ours begins with a digit. */
export const joinSignedValues = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  let flags = true
  for (const word of words) {
    const before = out.at(-1) ?? ""
    if (word === "--") flags = false
    if (flags && /^-\d/.test(word) && /^--[a-z-]+$/.test(before)) out[out.length - 1] = `${before}=${word}`
    else out.push(word)
  }
  return out
}
