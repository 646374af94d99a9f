// The contract holds for the native engine without each feature: as an older kernel would have it.
import t from 'tap'
import { ENGINE_CAPABILITIES, type Capability } from '../../src/engine/engine-capabilities.js'
import { ENGINE_FEATURES, type EngineFeature } from '../../src/engine/engine-features.js'
import { contractCases } from './contract.js'
import { runContract } from './contract-case.js'
import { nativeMounted } from './mounted.js'

/** What goes with a feature. */
const LOST: Readonly<Partial<Record<EngineFeature, readonly Capability[]>>> = { readdirplus: ['readdirplus'] }

t.setTimeout(240_000)

for (const feature of ENGINE_FEATURES.filter((name) => name !== 'native-answers')) {
  const can = ENGINE_CAPABILITIES.native.filter((capability) => LOST[feature]?.includes(capability) !== true)
  void t.test(`the contract holds without ${feature}`, (t) => {
    runContract(t, contractCases, can, (t) => nativeMounted(t, { without: [feature] }))
    t.end()
  })
}
