/**
 * Takes secrets out of text. The webhook code stands in the path of every REST URL and inside every DOWNLOAD_URL and
 * uploadUrl (bitrix24-rest.md 1.1), tokens stand in `auth`, `access_token`, `refresh_token`, `client_secret`, `token` and in Bearer headers,
 * a proxy's password before its host. URLs also come with escaped slashes (PHP's JSON) and percent-encoded in others.
 */

const SLASH = String.raw`(?:\\*/|%2F)`
const SEGMENT = String.raw`[^/\s"'?\\%&]+`
const TOKEN_NAMES = 'auth|access_?token|refresh_?token|client_?secret|token'
// After a name in a query string, in PHP's array form, or in JSON, which may itself be quoted inside JSON.
const ASSIGNMENT = String.raw`(?:\]|%5D)?(?:=|%3D|\\*"\s*:\s*\\*")`

// Values by their names come first: `***` in their place can complete a path that no rule saw before (`rest/1/auth=?/`), never a name.
const RULES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`((?:${TOKEN_NAMES})${ASSIGNMENT})[^&\\s"'\\\\]+`, 'gi'), '$1***'],
  // Only in a query string: elsewhere `code` is an error's or a folder's, and the log is of no use without it.
  [/([?&]code=)[^&\s"'\\]+/gi, '$1***'],
  [/(Bearer\s+)[^\s"']+/gi, '$1***'],
  [/(:\/\/[^/\s:@"']*:)[^/\s@"']+(?=@)/g, '$1***'],
  [new RegExp(`(${SLASH}rest${SLASH}${SEGMENT}${SLASH})${SEGMENT}(?=${SLASH})`, 'gi'), '$1***'],
  [new RegExp(`(${SLASH}rest${SLASH}\\d+${SLASH})[A-Za-z0-9]{6,}`, 'gi'), '$1***'],
]

/** The same text with every secret replaced by `***`. Idempotent. */
export function redact(text: string): string {
  return RULES.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
