// Original file: coordinator.proto


export interface DeleteCheckpointResponse {
}

export interface DeleteCheckpointResponse__Output {
}
