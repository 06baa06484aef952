// Original file: agent.proto


export interface RemoveCheckpointResponse {
}

export interface RemoveCheckpointResponse__Output {
}
