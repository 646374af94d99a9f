/**
 * Parameters as PHP reads them from a query string: nested values in brackets (bitrix24-rest.md 2.1). Used for the
 * commands of a batch; outer calls send JSON. Pure.
 */

export type PhpValue = string | number | boolean | null | readonly PhpValue[] | { readonly [key: string]: PhpValue }
export type PhpParameters = Readonly<Record<string, PhpValue>>

/** `{id: 31, order: {ID: 'ASC'}}` → `id=31&order[ID]=ASC`, values and keys URL-encoded. Empty lists vanish, as in PHP. */
export function phpQuery(parameters: PhpParameters): string {
  return Object.entries(parameters)
    .flatMap(([key, value]) => pairs(encodeURIComponent(key), value))
    .join('&')
}

function pairs(name: string, value: PhpValue): readonly string[] {
  if (value === null) return [`${name}=`]
  // The string "false" is true to PHP.
  if (typeof value === 'boolean') return [`${name}=${value ? '1' : '0'}`]
  if (typeof value !== 'object') return [`${name}=${encodeURIComponent(value)}`]
  return Object.entries(value).flatMap(([key, inner]) => pairs(`${name}[${encodeURIComponent(key)}]`, inner))
}
