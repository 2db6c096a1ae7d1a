// Sudoers in memory.
import { Layer } from "effect"
import { Sudoers } from "../../src/services/Sudoers.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./Sudoers.contract.ts"

suite("stand-in", Sudoers.layerFake.pipe(Layer.provide(SystemFile.layerFake)))
