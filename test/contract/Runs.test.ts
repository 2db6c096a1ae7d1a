// Runs keeps its promises on a disk, with the kernel's locks.
import { NodeServices } from "@effect/platform-node"
import { Layer } from "effect"
import { Exec } from "../../src/services/Exec.ts"
import { Lock } from "../../src/services/Lock.ts"
import { Runs } from "../../src/services/Runs.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "../services/Runs.contract.ts"
import { layoutInTemp } from "./layoutInTemp.ts"

const lock = Lock.layer.pipe(Layer.provide(Exec.layer), Layer.provide(NodeServices.layer))

suite("on a disk", Runs.layer.pipe(Layer.provide(lock), Layer.provideMerge([SystemFile.layer, layoutInTemp])))
