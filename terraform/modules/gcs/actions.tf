# What Google asks for when the plugin does something. The role is made of this, and a test compares it with recorded requests.

locals {
  actions = {
    # Deleting is part of it: a repeated write replaces the object. Parts go over the XML API.
    put = [
      "storage.multipartUploads.abort",
      "storage.multipartUploads.create",
      "storage.objects.create",
      "storage.objects.delete",
    ]
    read       = ["storage.objects.get"]
    read_range = ["storage.objects.get"]
    delete     = ["storage.objects.delete"]
    list       = ["storage.objects.list"]
  }
  granted = sort(distinct(flatten([for verb, needed in local.actions : needed if verb != "list" || var.allow_list])))
}
