/** Our stack imitates a build that expires 180 days later. In front of the Cloud API, that would end a service that works. */
export const BUILD_DATE_WITH_CLOUD = '9000-01-01';
