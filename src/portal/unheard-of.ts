/** Fields that no document names, for the trait `unheardOfFields`: what a newer portal may add anywhere. */
export const UNHEARD_OF = { unheardOf: { NAME: 'of no meaning', ID: [1, '2', null] }, argument: null } as const
