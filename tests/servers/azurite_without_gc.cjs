// Loaded into Azurite before it starts. Ten minutes after its start, and again every ten minutes, it collects garbage
// in one go, and answers nobody meanwhile: with the blobs of the tests, for two minutes.
const constants = require(require.resolve("./utils/constants", { paths: [process.env.AZURITE_BLOB] }));
constants.DEFAULT_GC_INTERVAL_MS = 2 ** 31 - 1;
