// Original file: agent.proto


export interface ListMigrationsRequest {
}

export interface ListMigrationsRequest__Output {
}
