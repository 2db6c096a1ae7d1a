// The in-memory ServerConfig keeps the contract.
import { ServerConfig } from "../../src/services/ServerConfig.ts"
import { suite } from "./ServerConfig.contract.ts"

suite("stand-in", ServerConfig.layerFake)
