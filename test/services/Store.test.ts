// The store in memory keeps its promises.
import { Store } from "../../src/services/Store.ts"
import { suite } from "./Store.contract.ts"

suite("in memory", Store.layerFake)
