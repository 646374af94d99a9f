/**
 * Answers of the portal as tests read them: any key that a test asks for, by name, so that a misspelt one does not compile.
 * What a leaf really is, the assertion says.
 */
export interface Json extends ReadonlyArray<Json> {
  readonly ADMIN: Json
  readonly CODE: Json
  readonly CREATED_BY: Json
  readonly CREATE_TIME: Json
  readonly DELETED_BY: Json
  readonly DELETED_TYPE: Json
  readonly DELETE_TIME: Json
  readonly DETAIL_URL: Json
  readonly DOWNLOAD_URL: Json
  readonly ENTITY_ID: Json
  readonly ENTITY_TYPE: Json
  readonly FILE_ID: Json
  readonly GLOBAL_CONTENT_VERSION: Json
  readonly ID: Json
  readonly NAME: Json
  readonly OBJECT_ID: Json
  readonly PARENT_ID: Json
  readonly REAL_OBJECT_ID: Json
  readonly ROOT_OBJECT_ID: Json
  readonly SIZE: Json
  readonly STORAGE_ID: Json
  readonly TYPE: Json
  readonly UPDATED_BY: Json
  readonly UPDATE_TIME: Json
  readonly a: Json
  readonly access_token: Json
  readonly b: Json
  readonly batch: Json
  readonly bytesAnswers: Json
  readonly bytesDown: Json
  readonly bytesUp: Json
  readonly c: Json
  readonly calls: Json
  readonly clientId: Json
  readonly clientSecret: Json
  readonly client_endpoint: Json
  readonly cmd: Json
  readonly d: Json
  readonly domain: Json
  readonly download: Json
  readonly error: Json
  readonly error_description: Json
  readonly expires: Json
  readonly expires_in: Json
  readonly field: Json
  readonly finish: Json
  readonly id: Json
  readonly isAvailable: Json
  readonly isExisting: Json
  readonly limited: Json
  readonly log: Json
  readonly memberId: Json
  readonly member_id: Json
  readonly method: Json
  readonly methods: Json
  readonly next: Json
  readonly operating: Json
  readonly operating_reset_at: Json
  readonly parameters: Json
  readonly parentId: Json
  readonly path: Json
  readonly peakPerSecond: Json
  readonly profile: Json
  readonly rangeMode: Json
  readonly refresh_token: Json
  readonly result: Json
  readonly result_error: Json
  readonly result_next: Json
  readonly result_time: Json
  readonly result_total: Json
  readonly revoked: Json
  readonly scope: Json
  readonly scopes: Json
  readonly server_endpoint: Json
  readonly sha256: Json
  readonly size: Json
  readonly start: Json
  readonly status: Json
  readonly storage: Json
  readonly target: Json
  readonly time: Json
  readonly total: Json
  readonly traits: Json
  readonly type: Json
  readonly upload: Json
  readonly uploadUrl: Json
  readonly user_id: Json
  readonly version: Json
}

/** A leaf as the text it should be. */
export function text(leaf: Json): string {
  return leaf as unknown as string
}
