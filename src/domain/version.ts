// The version of this program; package.json says the same, and a test sees to it.
export const version = "0.5.0"
