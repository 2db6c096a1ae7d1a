// Runs on files in memory keeps its promises.
import { Layer } from "effect"
import { Runs } from "../../src/services/Runs.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./Runs.contract.ts"

suite("in memory", Layer.merge(Runs.layerFake, SystemFile.layerFake))
