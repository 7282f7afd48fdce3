export declare const CLOUD_NATIVE_PG_VERSION: string;
export declare function cloudNativePGSource(): string;
export declare function cloudNativePGManifest(): string;
export declare function buildCloudNativePG(folder: string): Promise<void>;
