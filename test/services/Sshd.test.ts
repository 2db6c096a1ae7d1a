// Sshd in memory.
import { Layer } from "effect"
import { Sshd } from "../../src/services/Sshd.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./Sshd.contract.ts"

suite("stand-in", Sshd.layerFake.pipe(Layer.provide(SystemFile.layerFake)))
