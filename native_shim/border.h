/* The border between C and Python: read by cffi and included by every C file of the shim.
   Plain declarations only, because cffi parses this file without a preprocessor. */

/* One call of Orthanc. It lives on the stack of the calling thread until it is completed. */
typedef struct
{
  int32_t operation;    /* one of STORAGE_CREATE ... STORAGE_STATUS */
  int32_t content_type; /* OrthancPluginContentType */
  const char *uuid;     /* of the attachment, as Orthanc gave it: not yet checked */
  void *data;           /* create: Orthanc's bytes; read range: Orthanc's target; read whole: see storage_allocate() */
  uint64_t size;        /* of data, in bytes */
  uint64_t start;       /* read range: offset of the first byte */
} storage_request;

enum
{
  STORAGE_CONTENT_TYPES = 4 /* what Orthanc tells a storage area: attachments of users come as 0 */
};

/* What was done without a request, see storage_take_counts(). */
typedef struct
{
  uint64_t calls;
  uint64_t bytes;
  uint64_t nanoseconds;
} storage_counts;

enum
{
  STORAGE_CREATE = 1,
  STORAGE_READ_WHOLE = 2,
  STORAGE_READ_RANGE = 3,
  STORAGE_REMOVE = 4,
  STORAGE_STATUS = 5 /* not of the storage area: the state of the plugin in JSON, to be filled in like a read */
};

/* What Python says of a request that went well, or of a start that went well. Deliberately not 0: 0 is what cffi
   returns when Python could not run at all, and it is Orthanc's code for success. */
enum
{
  STORAGE_DONE = 0x600d
};

/* The outcome of a start, for storage_started(). */
enum
{
  STORAGE_START_FAILED = 0,   /* refuse to start Orthanc; the reason has been logged */
  STORAGE_START_DISABLED = 1, /* the configuration does not ask for us: Orthanc keeps its own storage */
  STORAGE_START_READY = 2     /* workers are waiting: register the storage area */
};

enum
{
  STORAGE_LOG_INFO = 0,
  STORAGE_LOG_WARNING = 1,
  STORAGE_LOG_ERROR = 2
};

/* What the control thread is asked to do, returned by storage_control(). */
enum
{
  STORAGE_CONTROL_STOP = 1,
  STORAGE_CONTROL_METRICS = 2
};

/* --- C, called by Python. Each releases the interpreter lock while it runs. --- */

const char *storage_configuration(void);      /* Orthanc's whole configuration, JSON in UTF-8 */
const char *storage_configuration_path(void); /* the file or folder it was read from, "" when there is none */
const char *storage_plugin_path(void);        /* the shared library that holds this code */
void storage_log(int32_t level, const char *message);
void storage_set_metric(const char *name, float value);

/* Lets Orthanc's threads write and read attachments as files, without a request, see files.c. Their paths are root,
   a slash, `prefix`, "ab/cd/" from the uuid's first digits when `folders` is not 0, the uuid, and the suffix of the
   content type (STORAGE_CONTENT_TYPES of them). `size_attribute`: extended attribute for the size of the file as it was
   stored, in decimal digits. `sync`: whether files and folders are forced to the disk. 0: a text is too long. */
int32_t storage_offer_files(const char *root, const char *prefix, int32_t folders, const char *const *suffixes,
                            const char *size_attribute, int32_t sync);

/* The same for files that may be there and are only read, see sealed.c. 0: a text is too long, or not on this machine. */
int32_t storage_offer_sealed_files(const char *root, const char *prefix, int32_t folders, const char *const *suffixes);

/* What was done in this way since the last call, by operation. */
storage_counts storage_take_counts(int32_t operation);

/* Says how the start went. stop_timeout: how long the stop may take, in milliseconds. */
void storage_started(int32_t outcome, uint32_t stop_timeout);

/* Completes `done` (NULL: nothing to complete) with STORAGE_DONE or an OrthancPluginErrorCode, then waits for the next
   request. NULL: the queue is closed and empty, the worker must end. */
storage_request *storage_next(storage_request *done, int32_t code);

/* Completes a request without waiting for another one. */
void storage_complete(storage_request *done, int32_t code);

/* Gives a read-whole request `size` bytes of the host's memory: sets data and size. 0: no memory, or asked twice. */
int32_t storage_allocate(storage_request *request, uint64_t size);

/* Waits until the control thread has something to do: STORAGE_CONTROL_*. */
int32_t storage_control(void);
