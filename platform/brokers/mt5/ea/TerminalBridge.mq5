//+------------------------------------------------------------------+
//| TerminalBridge: this terminal's side of the bridge, version 1.   |
//| BRIDGE.md specifies every call; the sections below name it.      |
//| Allow WebRequest for the address under Tools, Options, Expert    |
//| Advisors, and attach it to one chart of the account.             |
//+------------------------------------------------------------------+
#property version   "1.10"
#property strict

input string InpAddress = "https://example.invalid"; // Address of the platform
input string InpToken   = "";                        // Bridge token of the account

#define PROTOCOL        1
#define TIMEOUT_MS      5000
#define HISTORY_SECONDS 86400
#define RING_KEPT       2000
#define SEND_FAILED     4756

//--- the session
string g_session   = "";
string g_instance  = "";
long   g_mark      = 0;
long   g_seq       = 0;
int    g_poll_ms   = 500;
bool   g_resync    = false;
bool   g_busy      = false;
ulong  g_next_poll = 0;
ulong  g_sent_at   = 0;
int    g_watched   = 0;
string g_wanted[];

//--- the ring: "begun" is on disk before OrderSend, the answer right after
string g_ring_id[];
string g_ring_answer[];
ulong  g_ring_order[];

//+------------------------------------------------------------------+
//| Start and stop                                                   |
//+------------------------------------------------------------------+
int OnInit()
  {
   if(StringLen(InpToken) == 0)
     {
      Alert("TerminalBridge: enter the bridge token of the account.");
      return INIT_PARAMETERS_INCORRECT;
     }
   LoadRing();
   EventSetMillisecondTimer(100);
   return INIT_SUCCEEDED;
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
  }

void OnTimer()
  {
   if(g_busy || GetTickCount64() < g_next_poll)
      return;
   g_busy = true;
   if(g_session == "" || g_watched != SymbolsTotal(true))
      SayHello();
   else
      SayPoll();
   g_busy = false;
  }

void OnTradeTransaction(const MqlTradeTransaction &tr, const MqlTradeRequest &request, const MqlTradeResult &result)
  {
   if(g_session == "" || g_busy)
      return; // the next poll's hashes tell all the same
   g_busy = true;
   string body = "{\"session\":" + Quoted(g_session)
                 + ",\"type\":" + IntegerToString((int)tr.type)
                 + ",\"deal\":" + Ticket(tr.deal) + ",\"order\":" + Ticket(tr.order)
                 + ",\"symbol\":" + Quoted(tr.symbol)
                 + ",\"order_type\":" + IntegerToString((int)tr.order_type)
                 + ",\"order_state\":" + IntegerToString((int)tr.order_state)
                 + ",\"deal_type\":" + IntegerToString((int)tr.deal_type)
                 + ",\"price\":" + Number(tr.price) + ",\"price_sl\":" + Number(tr.price_sl)
                 + ",\"price_tp\":" + Number(tr.price_tp) + ",\"volume\":" + Number(tr.volume)
                 + ",\"position\":" + Ticket(tr.position) + ",\"position_by\":" + Ticket(tr.position_by) + "}";
   string answer;
   Say("event", body, answer);
   g_next_poll = 0;
   g_busy = false;
  }

//+------------------------------------------------------------------+
//| Calls                                                            |
//+------------------------------------------------------------------+
bool Say(const string call, const string body, string &answer)
  {
   g_seq++;
   string headers = "Content-Type: application/json\r\nAuthorization: Bearer " + InpToken
                    + "\r\nX-Seq: " + IntegerToString(g_seq) + "\r\n";
   char   post[], got[];
   string got_headers;
   int length = StringToCharArray(body, post, 0, WHOLE_ARRAY, CP_UTF8) - 1; // without the closing zero
   ArrayResize(post, MathMax(length, 0));
   g_sent_at = GetTickCount64();
   ResetLastError();
   int status = WebRequest("POST", InpAddress + "/mt5/v1/" + call, headers, TIMEOUT_MS, post, got, got_headers);
   if(status < 0)
     {
      Print("TerminalBridge: ", call, " got no answer, error ", GetLastError());
      g_next_poll = GetTickCount64() + 1000;
      return false;
     }
   answer = CharArrayToString(got, 0, WHOLE_ARRAY, CP_UTF8);
   if(status != 200)
     {
      Refused(call, status, answer);
      return false;
     }
   string session = Field(answer, "session"), mark = Field(answer, "mark");
   if(session == "" || mark == "")
     {
      Print("TerminalBridge: ", call, " was answered by something else");
      return false;
     }
   g_session = session;
   g_mark    = StringToInteger(mark);
   g_poll_ms = (int)MathMax(50, StringToInteger(Field(answer, "poll_ms")));
   Strings(Raw(answer, "subscribe"), g_wanted);
   if(call == "hello" || call == "poll")
      g_resync = (Raw(answer, "resync") == "true");
   return true;
  }

void Refused(const string call, const int status, const string answer)
  {
   string code = Field(answer, "code");
   Print("TerminalBridge: ", call, " was refused: ", status, " ", code, " ", Field(answer, "message"));
   g_next_poll = GetTickCount64() + 1000;
   if(code == "UNAUTHORISED" || code == "REPLACED" || code == "PROTOCOL")
     {
      Alert("TerminalBridge stops: ", code, ". ", Field(answer, "message"));
      ExpertRemove();
     }
   if(code == "NO_SESSION")
      g_session = "";
   if(code == "WRONG_CLIENT" || code == "CURRENCY")
     {
      g_session   = "";
      g_next_poll = GetTickCount64() + 60000;
     }
  }

//+------------------------------------------------------------------+
//| hello                                                            |
//+------------------------------------------------------------------+
void SayHello()
  {
   g_watched = SymbolsTotal(true);
   string symbols = "";
   for(int i = 0; i < g_watched; i++)
      symbols += (i > 0 ? "," : "") + SymbolFacts(SymbolName(i, true));
   string body = "{\"protocol\":" + IntegerToString(PROTOCOL)
                 + ",\"instance\":" + Quoted(g_instance)
                 + ",\"ea_version\":\"1.00\",\"build\":" + IntegerToString(TerminalInfoInteger(TERMINAL_BUILD))
                 + ",\"login\":" + IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN))
                 + ",\"server\":" + Quoted(AccountInfoString(ACCOUNT_SERVER))
                 + ",\"currency\":" + Quoted(AccountInfoString(ACCOUNT_CURRENCY))
                 + ",\"leverage\":" + IntegerToString(AccountInfoInteger(ACCOUNT_LEVERAGE))
                 + ",\"margin_mode\":" + IntegerToString(AccountInfoInteger(ACCOUNT_MARGIN_MODE))
                 + ",\"trade_allowed\":" + Truth(MayTrade())
                 + ",\"symbols\":[" + symbols + "]}";
   string answer;
   g_next_poll = Say("hello", body, answer) ? 0 : MathMax(g_next_poll, GetTickCount64() + 1000);
  }

string SymbolFacts(const string name)
  {
   return "{\"name\":" + Quoted(name)
          + ",\"digits\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_DIGITS))
          + ",\"point\":" + Number(SymbolInfoDouble(name, SYMBOL_POINT))
          + ",\"trade_tick_size\":" + Number(SymbolInfoDouble(name, SYMBOL_TRADE_TICK_SIZE))
          + ",\"trade_tick_value\":" + Number(SymbolInfoDouble(name, SYMBOL_TRADE_TICK_VALUE))
          + ",\"trade_contract_size\":" + Number(SymbolInfoDouble(name, SYMBOL_TRADE_CONTRACT_SIZE))
          + ",\"volume_min\":" + Number(SymbolInfoDouble(name, SYMBOL_VOLUME_MIN))
          + ",\"volume_max\":" + Number(SymbolInfoDouble(name, SYMBOL_VOLUME_MAX))
          + ",\"volume_step\":" + Number(SymbolInfoDouble(name, SYMBOL_VOLUME_STEP))
          + ",\"trade_stops_level\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_TRADE_STOPS_LEVEL))
          + ",\"trade_freeze_level\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_TRADE_FREEZE_LEVEL))
          + ",\"filling_mode\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_FILLING_MODE))
          + ",\"trade_exemode\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_TRADE_EXEMODE))
          + ",\"trade_mode\":" + IntegerToString(SymbolInfoInteger(name, SYMBOL_TRADE_MODE))
          + ",\"currency_profit\":" + Quoted(SymbolInfoString(name, SYMBOL_CURRENCY_PROFIT)) + "}";
  }

//+------------------------------------------------------------------+
//| poll                                                             |
//+------------------------------------------------------------------+
void SayPoll()
  {
   string orders, deals, positions;
   int    orders_total, deals_total, positions_total;
   if(!Orders(orders, orders_total) || !Deals(deals, deals_total) || !Positions(positions, positions_total))
     {
      g_next_poll = GetTickCount64() + 500; // a book that cannot be read whole is not told
      return;
     }
   string orders_hash = Hash(orders + deals), positions_hash = Hash(Bare(positions));
   string body = "{\"session\":" + Quoted(g_session)
                 + ",\"mark\":" + IntegerToString(g_mark)
                 + ",\"trade_allowed\":" + Truth(MayTrade())
                 + ",\"account\":{\"balance\":" + Number(AccountInfoDouble(ACCOUNT_BALANCE))
                 + ",\"equity\":" + Number(AccountInfoDouble(ACCOUNT_EQUITY))
                 + ",\"margin\":" + Number(AccountInfoDouble(ACCOUNT_MARGIN))
                 + ",\"margin_free\":" + Number(AccountInfoDouble(ACCOUNT_MARGIN_FREE)) + "}"
                 + ",\"ticks\":[" + Ticks() + "]"
                 + ",\"positions_hash\":" + Quoted(positions_hash)
                 + ",\"orders_hash\":" + Quoted(orders_hash);
   if(g_resync)
      body += ",\"sync\":{\"orders_hash\":" + Quoted(orders_hash) + ",\"positions_hash\":" + Quoted(positions_hash)
              + ",\"history_from_msc\":" + IntegerToString(((long)TimeCurrent() - HISTORY_SECONDS) * 1000)
              + ",\"orders_total\":" + IntegerToString(orders_total)
              + ",\"deals_total\":" + IntegerToString(deals_total)
              + ",\"positions_total\":" + IntegerToString(positions_total)
              + ",\"orders\":[" + orders + "],\"deals\":[" + deals + "],\"positions\":[" + positions + "]}";
   body += "}";
   string answer;
   if(!Say("poll", body, answer))
      return;
   ulong fetched_by = g_sent_at;
   string commands[];
   int count = Objects(Raw(answer, "commands"), commands);
   g_next_poll = (count > 0 || g_resync) ? 0 : GetTickCount64() + g_poll_ms;
   for(int i = 0; i < count; i++)
      CarryOut(commands[i], fetched_by);
  }

string Ticks()
  {
   string found = "";
   for(int i = 0; i < ArraySize(g_wanted); i++)
     {
      MqlTick tick;
      if(!SymbolInfoTick(g_wanted[i], tick))
         continue;
      found += (found == "" ? "" : ",") + "{\"symbol\":" + Quoted(g_wanted[i])
               + ",\"time_msc\":" + IntegerToString(tick.time_msc)
               + ",\"bid\":" + Number(tick.bid) + ",\"ask\":" + Number(tick.ask) + ",\"last\":" + Number(tick.last) + "}";
     }
   return found;
  }

//--- both lists: what is at work, and what was done within a day
bool Orders(string &rows, int &count)
  {
   rows  = "";
   count = OrdersTotal();
   for(int i = 0; i < count; i++)
     {
      ulong ticket = OrderGetTicket(i);
      if(ticket == 0)
         return false;
      rows += (rows == "" ? "" : ",") + OrderRow(ticket, false);
     }
   if(!HistorySelect(TimeCurrent() - HISTORY_SECONDS, TimeCurrent() + HISTORY_SECONDS))
      return false;
   int done = HistoryOrdersTotal();
   for(int i = 0; i < done; i++)
     {
      ulong ticket = HistoryOrderGetTicket(i);
      if(ticket == 0)
         return false;
      rows += (rows == "" ? "" : ",") + OrderRow(ticket, true);
     }
   count += done;
   return true;
  }

long   OrderLong(const ulong t, const bool h, const ENUM_ORDER_PROPERTY_INTEGER p) { return h ? HistoryOrderGetInteger(t, p) : OrderGetInteger(p); }
double OrderReal(const ulong t, const bool h, const ENUM_ORDER_PROPERTY_DOUBLE p)  { return h ? HistoryOrderGetDouble(t, p) : OrderGetDouble(p); }
string OrderText(const ulong t, const bool h, const ENUM_ORDER_PROPERTY_STRING p)  { return h ? HistoryOrderGetString(t, p) : OrderGetString(p); }

string OrderRow(const ulong ticket, const bool is_done)
  {
   return "{\"ticket\":" + Ticket(ticket)
          + ",\"symbol\":" + Quoted(OrderText(ticket, is_done, ORDER_SYMBOL))
          + ",\"type\":" + IntegerToString(OrderLong(ticket, is_done, ORDER_TYPE))
          + ",\"state\":" + IntegerToString(OrderLong(ticket, is_done, ORDER_STATE))
          + ",\"magic\":" + IntegerToString(OrderLong(ticket, is_done, ORDER_MAGIC))
          + ",\"position_id\":" + IntegerToString(OrderLong(ticket, is_done, ORDER_POSITION_ID))
          + ",\"volume_initial\":" + Number(OrderReal(ticket, is_done, ORDER_VOLUME_INITIAL))
          + ",\"volume_current\":" + Number(OrderReal(ticket, is_done, ORDER_VOLUME_CURRENT))
          + ",\"price_open\":" + Number(OrderReal(ticket, is_done, ORDER_PRICE_OPEN))
          + ",\"price_stoplimit\":" + Number(OrderReal(ticket, is_done, ORDER_PRICE_STOPLIMIT))
          + ",\"time_setup_msc\":" + IntegerToString(OrderLong(ticket, is_done, ORDER_TIME_SETUP_MSC))
          + ",\"time_done_msc\":" + IntegerToString(is_done ? OrderLong(ticket, is_done, ORDER_TIME_DONE_MSC) : 0)
          + ",\"comment\":" + Quoted(OrderText(ticket, is_done, ORDER_COMMENT))
          + ",\"cmd_id\":" + Quoted(CommandOf(ticket)) + "}";
  }

bool Deals(string &rows, int &count)
  {
   rows  = "";
   count = HistoryDealsTotal(); // of the span Orders() selected
   for(int i = 0; i < count; i++)
     {
      ulong t = HistoryDealGetTicket(i);
      if(t == 0)
         return false;
      rows += (rows == "" ? "" : ",") + "{\"ticket\":" + Ticket(t)
              + ",\"order\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_ORDER))
              + ",\"symbol\":" + Quoted(HistoryDealGetString(t, DEAL_SYMBOL))
              + ",\"type\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_TYPE))
              + ",\"entry\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_ENTRY))
              + ",\"magic\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_MAGIC))
              + ",\"position_id\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_POSITION_ID))
              + ",\"volume\":" + Number(HistoryDealGetDouble(t, DEAL_VOLUME))
              + ",\"price\":" + Number(HistoryDealGetDouble(t, DEAL_PRICE))
              + ",\"commission\":" + Number(HistoryDealGetDouble(t, DEAL_COMMISSION))
              + ",\"swap\":" + Number(HistoryDealGetDouble(t, DEAL_SWAP))
              + ",\"profit\":" + Number(HistoryDealGetDouble(t, DEAL_PROFIT))
              + ",\"time_msc\":" + IntegerToString(HistoryDealGetInteger(t, DEAL_TIME_MSC))
              + ",\"comment\":" + Quoted(HistoryDealGetString(t, DEAL_COMMENT)) + "}";
     }
   return true;
  }

bool Positions(string &rows, int &count)
  {
   rows  = "";
   count = PositionsTotal();
   for(int i = 0; i < count; i++)
     {
      ulong ticket = PositionGetTicket(i);
      if(ticket == 0)
         return false;
      rows += (rows == "" ? "" : ",") + "{\"ticket\":" + Ticket(ticket)
              + ",\"symbol\":" + Quoted(PositionGetString(POSITION_SYMBOL))
              + ",\"type\":" + IntegerToString(PositionGetInteger(POSITION_TYPE))
              + ",\"magic\":" + IntegerToString(PositionGetInteger(POSITION_MAGIC))
              + ",\"volume\":" + Number(PositionGetDouble(POSITION_VOLUME))
              + ",\"price_open\":" + Number(PositionGetDouble(POSITION_PRICE_OPEN))
              + ",\"price_current\":" + Number(PositionGetDouble(POSITION_PRICE_CURRENT))
              + ",\"profit\":" + Number(PositionGetDouble(POSITION_PROFIT))
              + ",\"time_msc\":" + IntegerToString(PositionGetInteger(POSITION_TIME_MSC))
              + ",\"comment\":" + Quoted(PositionGetString(POSITION_COMMENT)) + "}";
     }
   return PositionsTotal() == count;
  }

//--- positions without what moves with every tick
string Bare(const string positions)
  {
   string rows[], bare = "";
   int count = Objects("[" + positions + "]", rows);
   for(int i = 0; i < count; i++)
      bare += Raw(rows[i], "ticket") + "|" + Raw(rows[i], "type") + "|" + Raw(rows[i], "volume") + "|"
              + Raw(rows[i], "price_open") + ";";
   return bare;
  }

//+------------------------------------------------------------------+
//| Commands                                                         |
//+------------------------------------------------------------------+
void CarryOut(const string command, const ulong fetched_by)
  {
   string id = Field(command, "cmd_id"), type = Field(command, "type"), request = Raw(command, "request");
   if(type == "copy_rates")
     {
      SayBars(id, request);
      return;
     }
   int    known  = RingIndex(id);
   string answer = known >= 0 ? g_ring_answer[known] : "";
   if(answer == "")
     {
      ulong order = LookUp(request);
      if(order > 0)
         answer = Answer(10008, 0, order, 0, 0, 0, 0, "", 0, 0, 0, "");
      else
         if(known >= 0)
            answer = Answer(0, 0, 0, 0, 0, 0, 0, "", 0, 0, SEND_FAILED, ""); // begun with: never again
         else
            answer = SendOnce(id, request, fetched_by + (ulong)StringToInteger(Field(command, "expires_ms")));
     }
   string said;
   Say("result", "{\"session\":" + Quoted(g_session) + ",\"cmd_id\":" + Quoted(id) + "," + answer + "}", said);
  }

string SendOnce(const string id, const string request, const ulong deadline)
  {
   MqlTradeRequest order;
   string refusal = Read(request, order);
   if(refusal == "" && !TerminalInfoInteger(TERMINAL_CONNECTED))
      refusal = "NOT_CONNECTED";
   if(refusal == "" && !MayTrade())
      refusal = "TRADING_OFF";
   if(GetTickCount64() >= deadline)
      refusal = "EXPIRED";
   if(refusal == "" && !Begin(id))
      refusal = "BAD_REQUEST"; // without a ring on disk nothing may be sent
   if(refusal != "")
      return Answer(0, 0, 0, 0, 0, 0, 0, "", 0, 0, 0, refusal);
   MqlTradeResult result;
   ZeroMemory(result);
   ResetLastError();
   bool sent  = OrderSend(order, result); // true is no success: the return code counts
   int  error = sent ? 0 : GetLastError();
   ulong named = (order.action == TRADE_ACTION_MODIFY || order.action == TRADE_ACTION_REMOVE) ? order.order : result.order;
   string answer = Answer(result.retcode, result.deal, named, result.volume, result.price, result.bid, result.ask,
                          result.comment, result.request_id, result.retcode_external, error, "");
   bool places = (order.action == TRADE_ACTION_DEAL || order.action == TRADE_ACTION_PENDING);
   Finish(id, answer, places ? named : 0); // what changed or cancelled an order did not place it
   return answer;
  }

//--- fills in the order; returns why nothing may be sent ("" where it may)
string Read(const string request, MqlTradeRequest &order)
  {
   ZeroMemory(order);
   order.action       = (ENUM_TRADE_REQUEST_ACTIONS)StringToInteger(Field(request, "action"));
   order.magic        = (ulong)StringToInteger(Field(request, "magic"));
   order.order        = (ulong)StringToInteger(Field(request, "order"));
   order.symbol       = Field(request, "symbol");
   order.volume       = StringToDouble(Field(request, "volume"));
   order.price        = StringToDouble(Field(request, "price"));
   order.deviation    = (ulong)StringToInteger(Field(request, "deviation"));
   order.type         = (ENUM_ORDER_TYPE)StringToInteger(Field(request, "type"));
   order.type_filling = (ENUM_ORDER_TYPE_FILLING)StringToInteger(Field(request, "type_filling"));
   order.type_time    = (ENUM_ORDER_TYPE_TIME)StringToInteger(Field(request, "type_time"));
   order.comment      = Field(request, "comment");
   order.position     = (ulong)StringToInteger(Field(request, "position"));
   if(order.action == TRADE_ACTION_REMOVE || order.action == TRADE_ACTION_MODIFY)
      return order.order > 0 ? "" : "BAD_REQUEST";
   if(order.action != TRADE_ACTION_DEAL && order.action != TRADE_ACTION_PENDING)
      return "BAD_REQUEST";
   MqlTick tick;
   if(!SymbolSelect(order.symbol, true) || !SymbolInfoTick(order.symbol, tick) || tick.ask <= 0 || tick.bid <= 0)
      return "UNKNOWN_SYMBOL";
   if(Raw(request, "reduce_only") == "true" && !MayReduce(order))
      return "NOTHING_TO_REDUCE";
   bool   buys   = (order.type == ORDER_TYPE_BUY || order.type == ORDER_TYPE_BUY_LIMIT || order.type == ORDER_TYPE_BUY_STOP);
   double market = buys ? tick.ask : tick.bid, point = SymbolInfoDouble(order.symbol, SYMBOL_POINT);
   if(order.action == TRADE_ACTION_DEAL)
     {
      order.price = market;
      return "";
     }
   double between = buys ? order.price - market : market - order.price;
   if(Raw(request, "through") == "true" && between >= -point / 2)
     {
      order.action    = TRADE_ACTION_DEAL;
      order.type      = buys ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
      order.price     = market;
      order.deviation = (ulong)MathMax(0, MathFloor(between / point + 0.000001));
      return "";
     }
   order.type_filling = ORDER_FILLING_RETURN;
   return order.position > 0 ? "NEEDS_DEAL" : "";
  }

//--- whether what an exit takes from is open: the position it names, of its magic, where every order has one of its own
bool MayReduce(const MqlTradeRequest &order)
  {
   bool hedging = (AccountInfoInteger(ACCOUNT_MARGIN_MODE) == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING);
   bool found   = hedging ? PositionSelectByTicket(order.position) : PositionSelect(order.symbol);
   if(!found || PositionGetString(POSITION_SYMBOL) != order.symbol)
      return false;
   if(hedging && PositionGetInteger(POSITION_MAGIC) != (long)order.magic)
      return false;
   bool buys = (order.type == ORDER_TYPE_BUY || order.type == ORDER_TYPE_BUY_LIMIT || order.type == ORDER_TYPE_BUY_STOP);
   bool sold = (PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_SELL);
   return buys == sold && PositionGetDouble(POSITION_VOLUME) > order.volume - 0.00000001;
  }

//--- an order of ours by magic and comment: at work, done within a day, or behind an open position
ulong LookUp(const string request)
  {
   string comment = Field(request, "comment");
   long   magic   = StringToInteger(Field(request, "magic"));
   if(comment == "")
      return 0;
   for(int i = OrdersTotal() - 1; i >= 0; i--)
     {
      ulong t = OrderGetTicket(i);
      if(t > 0 && OrderGetInteger(ORDER_MAGIC) == magic && OrderGetString(ORDER_COMMENT) == comment)
         return t;
     }
   HistorySelect(TimeCurrent() - HISTORY_SECONDS, TimeCurrent() + HISTORY_SECONDS);
   for(int i = HistoryOrdersTotal() - 1; i >= 0; i--)
     {
      ulong t = HistoryOrderGetTicket(i);
      if(t > 0 && HistoryOrderGetInteger(t, ORDER_MAGIC) == magic && HistoryOrderGetString(t, ORDER_COMMENT) == comment)
         return t;
     }
   for(int i = PositionsTotal() - 1; i >= 0; i--)
     {
      ulong t = PositionGetTicket(i);
      if(t > 0 && PositionGetInteger(POSITION_MAGIC) == magic && PositionGetString(POSITION_COMMENT) == comment)
         return (ulong)PositionGetInteger(POSITION_IDENTIFIER);
     }
   return 0;
  }

void SayBars(const string id, const string request)
  {
   MqlRates rates[];
   ResetLastError();
   int count = CopyRates(Field(request, "symbol"), (ENUM_TIMEFRAMES)StringToInteger(Field(request, "timeframe")),
                         (datetime)StringToInteger(Field(request, "from")), (datetime)StringToInteger(Field(request, "to")), rates);
   int error = count < 0 ? MathMax(GetLastError(), 1) : 0;
   string bars = "";
   for(int i = 0; i < MathMin(count, 5000); i++)
      bars += (i > 0 ? "," : "") + "{\"time\":" + IntegerToString((long)rates[i].time)
              + ",\"open\":" + Number(rates[i].open) + ",\"high\":" + Number(rates[i].high)
              + ",\"low\":" + Number(rates[i].low) + ",\"close\":" + Number(rates[i].close)
              + ",\"tick_volume\":" + IntegerToString(rates[i].tick_volume) + "}";
   string said;
   Say("bars", "{\"session\":" + Quoted(g_session) + ",\"cmd_id\":" + Quoted(id)
       + ",\"last_error\":" + IntegerToString(error) + ",\"bars\":[" + bars + "]}", said);
  }

string Answer(const uint retcode, const ulong deal, const ulong order, const double volume, const double price,
              const double bid, const double ask, const string comment, const uint request_id,
              const int external, const int error, const string refusal)
  {
   return "\"retcode\":" + IntegerToString(retcode) + ",\"deal\":" + Ticket(deal) + ",\"order\":" + Ticket(order)
          + ",\"volume\":" + Number(volume) + ",\"price\":" + Number(price)
          + ",\"bid\":" + Number(bid) + ",\"ask\":" + Number(ask) + ",\"comment\":" + Quoted(comment)
          + ",\"request_id\":" + IntegerToString(request_id) + ",\"retcode_external\":" + IntegerToString(external)
          + ",\"last_error\":" + IntegerToString(error) + ",\"refusal\":" + Quoted(refusal);
  }

bool MayTrade()
  {
   return TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) && MQLInfoInteger(MQL_TRADE_ALLOWED)
          && AccountInfoInteger(ACCOUNT_TRADE_ALLOWED) && AccountInfoInteger(ACCOUNT_TRADE_EXPERT);
  }

//+------------------------------------------------------------------+
//| The ring: lines of "id <tab> order <tab> answer", in one file     |
//+------------------------------------------------------------------+
string RingFile() { return "TerminalBridge-" + IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN)) + ".ring"; }

void LoadRing()
  {
   g_instance = "";
   int file = FileOpen(RingFile(), FILE_READ | FILE_TXT | FILE_UNICODE);
   if(file != INVALID_HANDLE)
     {
      g_instance = FileReadString(file);
      while(!FileIsEnding(file))
        {
         string parts[];
         if(StringSplit(FileReadString(file), '\t', parts) == 3)
            Put(parts[0], (ulong)StringToInteger(parts[1]), parts[2]);
        }
      FileClose(file);
     }
   if(StringLen(g_instance) != 32)
     {
      MathSrand((int)(GetMicrosecondCount() % 2147483647));
      g_instance = "";
      for(int i = 0; i < 32; i++)
         g_instance += StringFormat("%x", MathRand() % 16);
      SaveRing();
     }
  }

bool SaveRing()
  {
   int file = FileOpen(RingFile() + ".part", FILE_WRITE | FILE_TXT | FILE_UNICODE);
   if(file == INVALID_HANDLE)
      return false;
   bool written = FileWriteString(file, g_instance + "\r\n") > 0;
   for(int i = MathMax(0, ArraySize(g_ring_id) - RING_KEPT); i < ArraySize(g_ring_id); i++)
      written = FileWriteString(file, g_ring_id[i] + "\t" + Ticket(g_ring_order[i]) + "\t" + g_ring_answer[i] + "\r\n") > 0 && written;
   FileFlush(file);
   FileClose(file);
   return written && FileMove(RingFile() + ".part", 0, RingFile(), FILE_REWRITE);
  }

bool Begin(const string id)
  {
   Put(id, 0, "");
   return SaveRing();
  }

void Finish(const string id, const string answer, const ulong order)
  {
   Put(id, order, answer);
   SaveRing();
  }

void Put(const string id, const ulong order, const string answer)
  {
   int at = RingIndex(id);
   if(at < 0)
     {
      at = ArraySize(g_ring_id);
      ArrayResize(g_ring_id, at + 1, 256);
      ArrayResize(g_ring_order, at + 1, 256);
      ArrayResize(g_ring_answer, at + 1, 256);
      g_ring_id[at] = id;
     }
   g_ring_order[at]  = order;
   g_ring_answer[at] = answer;
  }

int RingIndex(const string id)
  {
   for(int i = ArraySize(g_ring_id) - 1; i >= 0; i--)
      if(g_ring_id[i] == id)
         return i;
   return -1;
  }

string CommandOf(const ulong order)
  {
   for(int i = ArraySize(g_ring_id) - 1; i >= 0; i--)
      if(g_ring_order[i] == order && order > 0)
         return g_ring_id[i];
   return "";
  }

//+------------------------------------------------------------------+
//| JSON: the little of it the bridge speaks                         |
//+------------------------------------------------------------------+
string Quoted(const string text)
  {
   string escaped = "";
   for(int i = 0; i < StringLen(text); i++)
     {
      ushort c = StringGetCharacter(text, i);
      if(c == '"' || c == '\\')
         escaped += "\\" + ShortToString(c);
      else
         escaped += c < 32 ? " " : ShortToString(c);
     }
   return "\"" + escaped + "\"";
  }

string Number(const double value)
  {
   if(!MathIsValidNumber(value))
      return "0";
   string text = DoubleToString(value, 8);
   int end = StringLen(text);
   while(end > 0 && StringGetCharacter(text, end - 1) == '0')
      end--;
   if(end > 0 && StringGetCharacter(text, end - 1) == '.')
      end--;
   return end > 0 ? StringSubstr(text, 0, end) : "0";
  }

string Ticket(const ulong ticket) { return StringFormat("%I64u", ticket); }
string Truth(const bool value)    { return value ? "true" : "false"; }

//--- where the value that begins at a place ends (one past it)
int ValueEnd(const string json, const int from)
  {
   int  depth = 0;
   bool quoted = false;
   for(int i = from; i < StringLen(json); i++)
     {
      ushort c = StringGetCharacter(json, i);
      if(quoted)
        {
         if(c == '\\')
            i++;
         else
            if(c == '"')
              {
               quoted = false;
               if(depth == 0)
                  return i + 1;
              }
         continue;
        }
      if(c == '"')
         quoted = true;
      else
         if(c == '{' || c == '[')
            depth++;
         else
            if(c == '}' || c == ']')
              {
               if(depth == 0)
                  return i;
               if(--depth == 0)
                  return i + 1;
              }
            else
               if(c == ',' && depth == 0)
                  return i;
     }
   return StringLen(json);
  }

//--- a member of an object as it stands ("" where there is none); members of members are passed over
string Raw(const string json, const string name)
  {
   int at = StringFind(json, "{") + 1;
   while(at > 0 && at < StringLen(json))
     {
      int key_end = ValueEnd(json, at);
      string key = Text(StringSubstr(json, at, key_end - at));
      int colon = StringFind(json, ":", at);
      if(colon < 0 || StringGetCharacter(json, at) != '"')
         return "";
      int begin = StringFind(json, ":", at + StringLen(key) + 2) + 1;
      int end   = ValueEnd(json, begin);
      if(key == name)
         return StringSubstr(json, begin, end - begin);
      at = end + 1;
     }
   return "";
  }

string Field(const string json, const string name) { return Text(Raw(json, name)); }

//--- a value without its quotes
string Text(const string raw)
  {
   int length = StringLen(raw);
   if(length < 2 || StringGetCharacter(raw, 0) != '"')
      return raw;
   string text = "";
   for(int i = 1; i < length - 1; i++)
     {
      ushort c = StringGetCharacter(raw, i);
      if(c == '\\' && i + 1 < length - 1)
         c = StringGetCharacter(raw, ++i);
      text += ShortToString(c);
     }
   return text;
  }

//--- the members of an array of objects or of strings, as they stand
int Objects(const string json, string &rows[])
  {
   ArrayResize(rows, 0);
   int at = StringFind(json, "[") + 1;
   while(at > 0 && at < StringLen(json) && StringGetCharacter(json, at) != ']')
     {
      int end = ValueEnd(json, at), size = ArraySize(rows);
      ArrayResize(rows, size + 1, 64);
      rows[size] = StringSubstr(json, at, end - at);
      at = end + 1;
     }
   return ArraySize(rows);
  }

void Strings(const string json, string &found[])
  {
   int count = Objects(json, found);
   for(int i = 0; i < count; i++)
      found[i] = Text(found[i]);
  }

//--- FNV-1a, 64 bits
string Hash(const string text)
  {
   ulong hash = 14695981039346656037;
   for(int i = 0; i < StringLen(text); i++)
     {
      hash ^= StringGetCharacter(text, i);
      hash *= 1099511628211;
     }
   return StringFormat("%I64x", hash);
  }
//+------------------------------------------------------------------+
