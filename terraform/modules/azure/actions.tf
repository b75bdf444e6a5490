# What Azure asks for when the plugin does something. The role is made of this, and a test compares it with recorded requests.

locals {
  container = "Microsoft.Storage/storageAccounts/blobServices/containers"
  blobs     = "${local.container}/blobs"
  actions = {
    put        = ["${local.blobs}/write"]
    read       = ["${local.blobs}/read"]
    read_range = ["${local.blobs}/read"]
    # obstore sends a batch, for which Microsoft's table of permissions asks this, the one action that is none of data.
    delete = ["${local.blobs}/delete", "${local.container}/write"]
    # The same right as to read: a condition of the assignment tells them apart.
    list = ["${local.blobs}/read"]
    tags = ["${local.blobs}/tags/write"]
  }
  granted = sort(distinct(flatten([for verb, needed in local.actions : needed if verb != "tags" || var.allow_tags])))
}
