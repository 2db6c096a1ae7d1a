// Registry on files in memory keeps its promises.
import { Layer } from "effect"
import { Registry } from "../../src/services/Registry.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./Registry.contract.ts"

suite("in memory", Layer.merge(Registry.layerFake, SystemFile.layerFake))
