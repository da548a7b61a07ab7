-- Which flow a webhook belongs to, by its customer and its type.
local cjson = require "cjson"

local router = {}
local routes

function router.load(file)
    local handle = assert(io.open(file))
    routes = cjson.decode(handle:read("*a"))
    handle:close()
end

function router.route()
    ngx.req.read_body()
    local read, webhook = pcall(cjson.decode, ngx.req.get_body_data())
    if not read then
        return ngx.exit(400)
    end
    local deployment = routes.customers[webhook.customerId]
    local flow = routes.flows[webhook.type]
    if not deployment or not flow then
        return ngx.exit(422)
    end
    ngx.var.deployment = deployment
    ngx.var.flow = flow
end

return router
