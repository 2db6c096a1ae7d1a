// Accounts in memory.
import { Accounts } from "../../src/services/Accounts.ts"
import { suite } from "./Accounts.contract.ts"

suite("stand-in", Accounts.layerFake)
