/** Where clients find what they talk to. As JSON it goes to the process that they run in. */
export interface Addresses {
  /** Redis by TCP and, by an authority of its own as PEM, by TLS. */
  redis?: { host: string; port: number; tlsPort: number; authority: string };
  http?: Place;
  postgres?: Place;
  dns?: Place;
  edge?: Place;
  ssh?: Place & { user: string; keyFile: string };
}

export interface Place {
  host: string;
  port: number;
}
