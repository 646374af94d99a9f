/** A day of work with the whole client on a portal of each trait. `ELASTIC_DRIVE_TRAIT` picks some by a part of the name. */
import t from 'tap'
import { DEFAULT_TRAITS } from '../../src/portal/traits.js'
import { TRAIT_PORTALS } from '../support/trait-portals.js'
import { WholeClient } from '../support/whole-client.js'
import { dayOfWork } from './story.js'

t.setTimeout(290_000)

const wanted = process.env.ELASTIC_DRIVE_TRAIT ?? ''

for (const { name, traits } of TRAIT_PORTALS.filter((portal) => portal.name.includes(wanted))) {
  await t.test(`a day of work on a portal with ${name}`, async (t) => {
    const client = await WholeClient.start(t, { traits })
    await dayOfWork(t, client, { ...DEFAULT_TRAITS, ...traits })
  })
}
