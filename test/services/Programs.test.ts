// The in-memory Programs keep the contract.
import { Layer } from "effect"
import { Programs } from "../../src/services/Programs.ts"
import { ProgramsSite, suite } from "./Programs.contract.ts"

suite(
  "stand-in",
  Layer.merge(
    Programs.layerFake(["nosuch"]),
    Layer.succeed(ProgramsSite, { there: ["sh", "visudo"], missing: ["nosuch"] })
  )
)
