// The name of a host: a directory of the store, a word of a root helper's command line and of a forced command.
const pattern = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/

/** Lower-case letters, digits, dots and hyphens, 1 to 63 of them, beginning and ending with a letter or digit, no `..`. */
export const isHostName = (text: string): boolean => pattern.test(text) && !text.includes("..")
