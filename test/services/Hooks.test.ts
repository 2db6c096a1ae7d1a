// The in-memory Hooks keep the contract.
import { Effect, Layer } from "effect"
import { type FakeHook, Hooks } from "../../src/services/Hooks.ts"
import { HooksSite, suite } from "./Hooks.contract.ts"

const written: Array<string> = []
const hook = (name: string, code = 0): FakeHook => ({
  name,
  run: () => {
    written.push(name)
    return code
  }
})
const told: FakeHook = {
  name: "10-told",
  run: ({ WORD }) => {
    written.push(WORD ?? "")
    return 0
  }
}

suite(
  "Hooks in memory",
  Layer.merge(
    Hooks.layerFake({
      "/hooks/good": [hook("20-second"), hook("10-first")],
      "/hooks/bad": [hook("10-first"), hook("20-fails", 3), hook("30-never")],
      "/hooks/told": [told]
    }),
    Layer.succeed(HooksSite, {
      directory: (name) => `/hooks/${name}`,
      ran: Effect.sync(() => written.splice(0))
    })
  )
)
