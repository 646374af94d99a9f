/**
 * Tests that need something of the machine name it: `t.test('…', skipWithout('fuse'), …)`. They fail where it is missing,
 * unless the person who runs them skips it by name (ELASTIC_DRIVE_SKIP=fuse,chromium).
 */
export type MachineNeed = 'fuse' | 'desktop' | 'chromium'

export function skipWithout(...needs: readonly MachineNeed[]): { skip: string | false } {
  const skipped = (process.env.ELASTIC_DRIVE_SKIP ?? '').split(',')
  const need = needs.find((name) => skipped.includes(name))
  return { skip: need === undefined ? false : `needs ${need}, skipped by ELASTIC_DRIVE_SKIP` }
}
