// Original file: agent.proto


export interface FactsRequest {
}

export interface FactsRequest__Output {
}
