// Original file: authority.proto


export interface IssueRequest {
  'certificate_request'?: (Buffer | Uint8Array | string);
}

export interface IssueRequest__Output {
  'certificate_request': (Buffer);
}
