// Exec's stand-in keeps the contract.
import { Effect } from "effect"
import { Exec, ExecError } from "../../src/services/Exec.ts"
import { suite } from "./Exec.contract.ts"

suite(
  "Exec (in memory)",
  Exec.layerFake((program, args, { stdin }) => {
    switch (program) {
      case "true":
        return Effect.succeed({})
      case "false":
        return Effect.succeed({ code: 1 })
      case "echo":
        return Effect.succeed({ text: `${args.join(" ")}\n` })
      case "cat":
        return Effect.succeed({ stdout: typeof stdin === "string" ? Buffer.from(stdin) : (stdin ?? new Uint8Array()) })
      default:
        return Effect.fail(new ExecError({ program, argumentCount: args.length, reason: "not-found", detail: "" }))
    }
  })
)
