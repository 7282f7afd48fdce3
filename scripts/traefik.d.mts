export declare const TRAEFIK_VERSION: string;
export declare function buildTraefik(file: string): Promise<void>;
