# What Azure asks for when the plugin does something. The role is made of this, and a test compares it with recorded requests.

locals {
  blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
  actions = {
    put        = ["${local.blobs}/write"]
    read       = ["${local.blobs}/read"]
    read_range = ["${local.blobs}/read"]
    # A batch, which is what obstore sends, is a write that holds deletes.
    delete = ["${local.blobs}/delete", "${local.blobs}/write"]
    # The same right as to read: a condition of the assignment tells them apart.
    list = ["${local.blobs}/read"]
    tags = ["${local.blobs}/tags/write"]
  }
  granted = sort(distinct(flatten([for verb, needed in local.actions : needed if verb != "tags" || var.allow_tags])))
}
