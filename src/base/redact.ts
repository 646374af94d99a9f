/**
 * Takes secrets out of text. The webhook code stands in the path of every REST URL and inside every DOWNLOAD_URL and
 * uploadUrl (bitrix24-rest.md 1.1), tokens stand in `auth`, `access_token`, `refresh_token`, `token` and in Bearer headers.
 */

const RULES: readonly (readonly [RegExp, string])[] = [
  [/(\/rest\/[^/\s"'\\]+\/)[^/\s"'?\\]+(?=\/)/g, '$1***'],
  [/(\/rest\/\d+\/)[A-Za-z0-9]{6,}/g, '$1***'],
  [/((?:auth|access_token|refresh_token|client_secret|token|code)(?:=|%3D|"\s*:\s*"|\\"\s*:\s*\\"))[^&\s"'\\]+/gi, '$1***'],
  [/(auth\[auth\]=)[^&\s"']+/gi, '$1***'],
  [/(Bearer\s+)[^\s"']+/gi, '$1***'],
]

/** The same text with every secret replaced by `***`. Idempotent. */
export function redact(text: string): string {
  return RULES.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
