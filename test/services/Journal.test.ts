// Journal in memory keeps its promises.
import { Journal } from "../../src/services/Journal.ts"
import { suite } from "./Journal.contract.ts"

suite("in memory", Journal.layerFake)
