// Original file: authority.proto


export interface IssueReply {
  'certificate'?: (string);
  'trust'?: (string);
  'not_before_unix_ms'?: (number | string);
  'not_after_unix_ms'?: (number | string);
}

export interface IssueReply__Output {
  'certificate': (string);
  'trust': (string);
  'not_before_unix_ms': (number);
  'not_after_unix_ms': (number);
}
