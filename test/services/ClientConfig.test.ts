// The in-memory ClientConfig keeps the contract.
import { ClientConfig } from "../../src/services/ClientConfig.ts"
import { givenFiles, suite } from "./ClientConfig.contract.ts"

suite("ClientConfig in memory", ClientConfig.layerFake({ files: givenFiles }))
