// Mounts in memory.
import { Effect } from "effect"
import { Mounts } from "../../src/services/Mounts.ts"
import { suite } from "./Mounts.contract.ts"

suite("stand-in", Mounts.layerFake(), Effect.succeed({ target: "/byteback", image: "/image" }))
