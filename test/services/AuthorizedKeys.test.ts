// AuthorizedKeys in memory.
import { Layer } from "effect"
import { AuthorizedKeys } from "../../src/services/AuthorizedKeys.ts"
import { Lock } from "../../src/services/Lock.ts"
import { SystemFile } from "../../src/services/SystemFile.ts"
import { suite } from "./AuthorizedKeys.contract.ts"

suite("stand-in", AuthorizedKeys.layer.pipe(Layer.provideMerge(Layer.mergeAll(SystemFile.layerFake, Lock.layerFake))))
