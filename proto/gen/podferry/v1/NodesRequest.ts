// Original file: coordinator.proto


export interface NodesRequest {
}

export interface NodesRequest__Output {
}
