// The stand-in for locks keeps what every Lock promises; the real one does so in test/contract/Lock.test.ts.
import { Lock } from "../../src/services/Lock.ts"
import { suite } from "./Lock.contract.ts"

suite("in memory", Lock.layerFake, () => "/run")
