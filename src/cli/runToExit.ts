// Runs a whole program: signals interrupt it, its failure becomes a line on stderr, its end an exit code.
import { Effect } from "effect"
import { signalExit } from "../domain/exitCode.ts"
import { report } from "./outcome.ts"

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

const brokenPipe = 13

/** Never returns to its caller's process: a signal interrupts the effect, waits for its finalizers and exits 128+N. */
export const runToExit = <A, E>(effect: Effect.Effect<A, E>): void => {
  const fiber = Effect.runFork(effect)
  let died = 0
  for (const [name, number] of Object.entries(signals)) {
    process.on(name, () => {
      died = number
      fiber.interruptUnsafe()
    })
  }
  // whoever reads what we print has seen enough, as `| head` does
  process.stdout.on("error", () => {
    died = brokenPipe
    fiber.interruptUnsafe()
  })
  fiber.addObserver((exit) => {
    if (died === brokenPipe) return process.exit(signalExit(died))
    const code = report(exit)
    process.exit(died === 0 ? code : signalExit(died))
  })
}
