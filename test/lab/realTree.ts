// Trees of the machine's own files, for the demo and the bench: real names, sizes and links, a known number of them.
import { Effect } from "effect"
import { LabError, type Machine } from "./Lab.ts"

const candidates = [
  "/usr/share",
  "/usr/include",
  "/usr/lib/python3",
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib",
  "/usr/bin",
  "/usr"
]

/** Directories below /usr that hold at least `least` files together (directories do not count), and how many they hold; the fewest that will do. */
export const realTree = Effect.fn("realTree")(function* (machine: Machine, least: number) {
  const chosen: Array<string> = []
  let files = 0
  for (const directory of candidates) {
    if (!(yield* machine.exists(directory))) continue
    const found = (yield* machine.ok(["find", directory, "-xdev", "!", "-type", "d", "-printf", "."])).length
    if (found + files < least && directory === "/usr") break
    if (directory === "/usr" || directory === "/usr/lib") chosen.length = files = 0
    chosen.push(directory)
    files += found
    if (files >= least) return { directories: chosen, files }
  }
  return yield* new LabError({ message: `there are fewer than ${least} files below /usr on this machine` })
})
