// Original file: agent.proto


export interface AwaitTargetPodRequest {
  'migration'?: (string);
  'uid'?: (string);
}

export interface AwaitTargetPodRequest__Output {
  'migration': (string);
  'uid': (string);
}
